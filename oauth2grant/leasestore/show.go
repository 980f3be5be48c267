package leasestore

import (
	"fmt"
	"log/slog"
)

// String describes the change without the token.
func (c Change) String() string {
	return fmt.Sprintf("Change{token of %d bytes, mark %q, answers %q, fence %d, version %d, hold %s}",
		len(c.Token), c.Mark, c.Answers, c.Fence, c.Version, c.Hold)
}

// Format implements [fmt.Formatter]: no verb shows the token.
func (c Change) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue implements [slog.LogValuer].
func (c Change) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String describes the record without the token.
func (r Record) String() string {
	return fmt.Sprintf("Record{token of %d bytes, version %d, mark %q, answers %q, fence %d, writer %d, until %s}",
		len(r.Token), r.Version, r.Mark, r.Answered, r.Fence, r.Writer, r.Until)
}

// Format implements [fmt.Formatter]: no verb shows the token.
func (r Record) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// LogValue implements [slog.LogValuer].
func (r Record) LogValue() slog.Value { return slog.StringValue(r.String()) }
