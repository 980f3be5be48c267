package filestore

import (
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/fanout"
)

// watchInterval is how often the files that are subscribed to are looked at.
const watchInterval = time.Second

// watchers has the watcher of each folder in which a file is subscribed to.
var watchers = struct {
	sync.Mutex
	of map[string]*watcher
}{of: map[string]*watcher{}}

// watcher looks at the files of one folder that are subscribed to.
type watcher struct {
	subs      fanout.Set // by the name of the file
	end, done chan struct{}

	// files is guarded by watchers.
	files map[string]*watchedFile
}

type watchedFile struct {
	users int
	last  sighting // of the watcher's goroutine alone, once it runs
}

// Notify implements [oauth2grant.Notifier]. It reads the file once, and then
// calls changed within about a second of any change, also one by this Store.
// changed must not call stop.
func (s Store) Notify(changed func()) (stop func()) {
	seen := s.look()
	watchers.Lock()
	defer watchers.Unlock()
	w := watchers.of[s.dir]
	if w == nil {
		w = &watcher{end: make(chan struct{}), done: make(chan struct{}), files: map[string]*watchedFile{}}
		watchers.of[s.dir] = w
		go w.run(s.dir)
	}
	if w.files[s.base] == nil {
		w.files[s.base] = &watchedFile{last: seen}
	}
	w.files[s.base].users++
	unsubscribe := w.subs.Add(s.base, changed)
	return sync.OnceFunc(func() {
		unsubscribe()
		if w.leave(s.place) {
			<-w.done
		}
	})
}

// leave ends a subscription to a file, and reports whether it was the last one
// in the folder: then the watcher ends.
func (w *watcher) leave(p place) (last bool) {
	watchers.Lock()
	defer watchers.Unlock()
	if w.files[p.base].users--; w.files[p.base].users == 0 {
		delete(w.files, p.base)
	}
	if len(w.files) > 0 {
		return false
	}
	delete(watchers.of, p.dir)
	close(w.end)
	return true
}

// run looks at the files until end.
func (w *watcher) run(dir string) {
	defer close(w.done)
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.end:
			return
		}
		watchers.Lock()
		files := make(map[string]*watchedFile, len(w.files))
		for base, file := range w.files {
			files[base] = file
		}
		watchers.Unlock()
		for base, file := range files {
			if file.last.update(place{dir, base}) {
				w.subs.Tell(base)
			}
		}
	}
}

// sighting is what was seen of a file. The zero sighting is of none.
type sighting struct {
	info fs.FileInfo
	at   time.Time // of this machine's clock
	news uint64    // of its record; 0: that has none, or can't be read
}

// look looks at a file and reads its record.
func (p place) look() sighting {
	s := sighting{at: time.Now()}
	f, err := p.open()
	if err != nil {
		return s
	}
	defer func() { _ = f.Close() }()
	data, info, err := f.readInfo(p.base)
	if err != nil {
		s.info, _ = f.Lstat(p.base)
		return s
	}
	s.info = info
	if r, err := parseRecord(data); err == nil {
		s.news = r.News
	}
	return s
}

// update looks again, and reports whether there are news. It reads the file
// only if that may have changed: its time is not trusted while it is younger
// than the grain of a file system's clock may be.
func (s *sighting) update(p place) (news bool) {
	info, err := os.Lstat(p.path())
	if err != nil {
		info = nil
	}
	if sameContent(s.info, info) && (info == nil || s.at.Sub(info.ModTime()) > watchInterval) {
		return false
	}
	before := *s
	*s = p.look()
	if before.news != 0 || s.news != 0 {
		return before.news != s.news
	}
	return !sameContent(before.info, s.info)
}

// sameContent reports whether a file seems to be as it was; nil is a missing
// one.
func sameContent(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
