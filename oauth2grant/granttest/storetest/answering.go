package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// answering are the rules of [oauth2grant.AnswerSaver].
func answering(h Harness) []check {
	if !h.Answers {
		return []check{{"the store saves no answers", func(b *bench) error {
			if _, _, err := b.answerer(); err == nil {
				return errors.New("the Store is an oauth2grant.AnswerSaver: set Harness.Answers")
			}
			return nil
		}}}
	}
	list := []check{
		{"a token with a mark needs the lock", markNeedsLock},
		{"a token with a mark is not saved over a change", markOverChange},
		{"an answer needs no lock", answerNeedsNoLock},
		{"an answer needs its mark", answerNeedsMark},
		{"a save without a mark voids one", markVoided},
		{"the holder goes on after an answer", afterAnswer},
	}
	if h.LoseLease != nil {
		list = append(list, check{"an answer is saved after the lock was lost", lateAnswer})
	}
	if h.Notifies {
		list = append(list, check{"a mark is not told", markNotTold})
	}
	return list
}

// answerer returns a further Store as the AnswerSaver that it is.
func (b *bench) answerer() (oauth2grant.Store, oauth2grant.AnswerSaver, error) {
	s, err := b.open()
	if err != nil {
		return nil, nil, err
	}
	a, ok := s.(watched).Store.(oauth2grant.AnswerSaver)
	if !ok {
		return nil, nil, errors.New("the Store is no oauth2grant.AnswerSaver")
	}
	return s, watchedAnswers{a, b}, nil
}

// watchedAnswers remembers the text of every error.
type watchedAnswers struct {
	oauth2grant.AnswerSaver
	b *bench
}

func (w watchedAnswers) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	return watched{b: w.b}.saw(w.AnswerSaver.SaveAnswer(ctx, mark, t))
}

// withMark returns token n with a mark, as a grant saves it before a refresh.
func withMark(n int, mark string) oauth2grant.Token {
	t, err := response(fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","refresh_token":%q,`+
		`"oauth2grant":{"v":1,"mark":%q,"marked":1}}`,
		token(n).AccessToken, token(n).RefreshToken, mark))
	if err != nil || t.Mark() != mark {
		panic("storetest: a token can't be marked")
	}
	return t
}

// expectMark fails unless s holds token n with a mark.
func expectMark(ctx context.Context, s oauth2grant.Store, n int, mark string) error {
	got, err := s.Load(ctx)
	if err != nil {
		return fmt.Errorf("Load failed: %w", err)
	}
	return sameJSON(got, withMark(n, mark))
}

// lost fails unless err is ErrLockLost.
func lost(what string, err error) error {
	if !errors.Is(err, oauth2grant.ErrLockLost) {
		return fmt.Errorf("%s gave %s, want oauth2grant.ErrLockLost", what, outcome(err))
	}
	return nil
}

func markNeedsLock(b *bench) error {
	s, _, err := b.answerer()
	if err != nil {
		return err
	}
	if err := errors.Join(
		s.Save(b.ctx, token(1)),
		lost("Save of a mark without the lock", s.Save(b.ctx, withMark(1, "a"))),
		expect(b.ctx, s, token(1)),
	); err != nil {
		return err
	}
	held, unlock, err := s.Lock(b.ctx)
	if err != nil {
		return err
	}
	err = errors.Join(s.Save(held, withMark(1, "a")), expectMark(held, s, 1, "a"), s.Save(held, token(2)))
	unlock()
	return errors.Join(err,
		lost("Save of a mark after unlock", s.Save(context.WithoutCancel(held), withMark(2, "b"))),
		expect(b.ctx, s, token(2)))
}

func markOverChange(b *bench) error {
	s, _, err := b.answerer()
	if err != nil {
		return err
	}
	other, err := b.open()
	if err != nil {
		return err
	}
	if err := s.Save(b.ctx, token(1)); err != nil {
		return err
	}
	return underLock(b.ctx, s, func(held context.Context) error {
		return errors.Join(
			expect(held, s, token(1)),
			other.Save(b.ctx, token(2)), //nolint:contextcheck // without the lock
			lost("Save of a mark over what somebody else has saved", s.Save(held, withMark(1, "a"))),
			expect(held, s, token(2)))
	})
}

func answerNeedsNoLock(b *bench) error {
	s, _, err := b.answerer()
	if err != nil {
		return err
	}
	other, answers, err := b.answerer()
	if err != nil {
		return err
	}
	return underLock(b.ctx, s, func(held context.Context) error {
		return errors.Join(
			s.Save(held, token(1)), s.Save(held, withMark(1, "a")),
			//nolint:contextcheck // without the lock
			answers.SaveAnswer(b.ctx, "a", token(2)), expect(b.ctx, s, token(2)),
			s.Save(held, withMark(2, "b")),
			//nolint:contextcheck // the same
			answers.SaveAnswer(b.ctx, "b", oauth2grant.Token{}), expectNone(b.ctx, other))
	})
}

func answerNeedsMark(b *bench) error {
	s, answers, err := b.answerer()
	if err != nil {
		return err
	}
	none := lost("SaveAnswer to an empty store", answers.SaveAnswer(b.ctx, "a", token(9)))
	return errors.Join(none, expectNone(b.ctx, s), underLock(b.ctx, s, func(held context.Context) error {
		return errors.Join(
			s.Save(held, token(1)),
			lost("SaveAnswer to a token without a mark", answers.SaveAnswer(held, "a", token(9))),
			lost("SaveAnswer without a mark", answers.SaveAnswer(held, "", token(9))),
			s.Save(held, withMark(1, "a")),
			lost("SaveAnswer to another mark", answers.SaveAnswer(held, "b", token(9))),
			lost("SaveAnswer without a mark", answers.SaveAnswer(held, "", token(9))),
			expectMark(held, s, 1, "a"),
			answers.SaveAnswer(held, "a", token(2)), expect(held, s, token(2)))
	}))
}

func markVoided(b *bench) error {
	s, answers, err := b.answerer()
	if err != nil {
		return err
	}
	return underLock(b.ctx, s, func(held context.Context) error {
		return errors.Join(
			s.Save(held, token(1)), s.Save(held, withMark(1, "a")), s.Save(held, token(2)),
			lost("SaveAnswer after a save", answers.SaveAnswer(held, "a", token(9))), expect(held, s, token(2)),
			s.Save(held, withMark(2, "b")), s.Delete(held),
			lost("SaveAnswer after a delete", answers.SaveAnswer(held, "b", token(9))), expectNone(held, s))
	})
}

func afterAnswer(b *bench) error {
	s, answers, err := b.answerer()
	if err != nil {
		return err
	}
	return underLock(b.ctx, s, func(held context.Context) error {
		return errors.Join(
			s.Save(held, token(1)), s.Save(held, withMark(1, "a")),
			answers.SaveAnswer(b.ctx, "a", token(2)), //nolint:contextcheck // with another context than held
			s.Save(held, token(3)), s.Save(held, withMark(3, "b")), answers.SaveAnswer(held, "b", token(4)),
			s.Delete(held), s.Save(held, token(5)), expect(held, s, token(5)))
	})
}

func lateAnswer(b *bench) error {
	s, answers, err := b.answerer()
	if err != nil {
		return err
	}
	other, err := b.open()
	if err != nil {
		return err
	}
	held, unlock, err := s.Lock(b.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := errors.Join(s.Save(held, token(1)), s.Save(held, withMark(1, "a")), b.LoseLease(b.place)); err != nil {
		return err
	}
	return underLock(b.ctx, other, func(newer context.Context) error {
		return errors.Join(
			expectMark(newer, other, 1, "a"),
			answers.SaveAnswer(b.ctx, "a", token(2)), //nolint:contextcheck // without the lock
			lost("Save of a mark over an answer that came late", other.Save(newer, withMark(1, "b"))),
			expect(newer, other, token(2)))
	})
}

func markNotTold(b *bench) error {
	s, answers, err := b.answerer()
	if err != nil {
		return err
	}
	n, err := b.notifier()
	if err != nil {
		return err
	}
	changes := make(chan struct{}, 100)
	defer n.Notify(func() {
		select {
		case changes <- struct{}{}:
		default:
		}
	})()
	await := func(what string) error {
		select {
		case <-changes:
			return nil
		case <-time.After(patience):
			return fmt.Errorf("%s was not told within %v", what, patience)
		}
	}
	return underLock(b.ctx, s, func(held context.Context) error {
		if err := errors.Join(s.Save(held, token(1)), await("a save"), silence(changes, 2)); err != nil {
			return err
		}
		if err := errors.Join(s.Save(held, withMark(1, "a")), silence(changes, 0)); err != nil {
			return fmt.Errorf("a mark was told: %w", err)
		}
		return errors.Join(answers.SaveAnswer(held, "a", token(2)), await("an answer"))
	})
}

// silence waits until there are no news for a while, and fails if there are
// more than so many before.
func silence(changes <-chan struct{}, most int) error {
	for range most + 1 {
		select {
		case <-changes:
		case <-time.After(quiet):
			return nil
		}
	}
	return fmt.Errorf("there were more than %d news", most)
}

// quiet is longer than a store takes to look for news, and to tell them.
const quiet = 1200 * time.Millisecond
