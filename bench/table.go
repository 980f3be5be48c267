package bench

import (
	"fmt"
	"strings"
	"time"
)

// table is what one question is answered by.
type table struct {
	title, note string
	columns     []string
	rows        [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// String returns the table in Markdown.
func (t *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", t.title)
	if t.note != "" {
		fmt.Fprintf(&b, "%s\n\n", t.note)
	}
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.columns, " | "), strings.Repeat("---|", len(t.columns)))
	for _, row := range t.rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}

// goal is what a question must show, and what it has shown.
type goal struct {
	question, what, want, got string
	met                       bool
}

// report is all that a run has found.
type report struct {
	tables []*table
	goals  []goal
	plots  []plotted
}

func (r *report) table(title, note string, columns ...string) *table {
	t := &table{title: title, note: note, columns: columns}
	r.tables = append(r.tables, t)
	return t
}

// atMost notes a goal that got is no more than want.
func (r *report) atMost(question, what string, got, want float64, unit string) {
	r.goals = append(r.goals, goal{
		question, what, "≤ " + number(want) + unit, number(got) + unit, got <= want,
	})
}

// number returns x with three digits that count.
func number(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x >= 1000:
		return thousands(int(x + 0.5))
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.3g", x)
	}
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

func millis(d time.Duration) string  { return number(float64(d.Microseconds())/1000) + " ms" }
func seconds(d time.Duration) string { return number(d.Seconds()) + " s" }
func ratio(a, b float64) string      { return fmt.Sprintf("%.2f", a/b) }
