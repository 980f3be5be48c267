package main

import (
	"fmt"
	"go/scanner"
	"go/token"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxColumns = 80
	tabColumns = 4
)

// A finding is a line of a comment that breaks a rule.
type finding struct {
	line   int
	advice string
}

var (
	generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
	directive = regexp.MustCompile(`^//([a-z]+:|export |line |nolint)`)
	expected  = regexp.MustCompile(`(?i)^//\s*(unordered )?output:`)
	gives     = regexp.MustCompile(`(?i)\bgives\b( up\b)?`)
	tells     = regexp.MustCompile(`(?i)\btells?\s+whether\b`)
)

// check returns what breaks the rules in the source text of a Go file, in the
// order of its lines. A generated file breaks none.
func check(src []byte) []finding {
	if generated.Match(src) {
		return nil
	}
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	lines := strings.Split(string(src), "\n")
	var found []finding
	previous := ""  // the comment line above, to see words that a line break parts
	output := false // what an example prints has the width that it has
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return found
		}
		if tok != token.COMMENT {
			previous, output = "", false
			continue
		}
		first := file.Line(pos)
		for i, said := range strings.Split(text, "\n") {
			line := first + i
			output = output || expected.MatchString(said)
			if output {
				continue
			}
			// What stands beside code is as wide as code may be.
			alone := strings.HasPrefix(strings.TrimSpace(lines[line-1]), strings.TrimSpace(said))
			if width := columns(lines[line-1]); alone && width > maxColumns && !mayBeWide(said) {
				found = append(found, finding{line, fmt.Sprintf(
					"comment of %d columns: wrap it at %d", width, maxColumns)})
			}
			isName := strings.HasPrefix(said, "// gives ") && strings.Contains(string(src), "\nfunc gives(")
			if advice := reword(previous, said); advice != "" && !isName {
				found = append(found, finding{line, advice})
			}
			previous = said
		}
	}
}

// columns returns the width of a line.
func columns(line string) int {
	return utf8.RuneCountInString(line) + (tabColumns-1)*strings.Count(line, "\t")
}

// mayBeWide reports whether a line of a comment can't be wrapped: it is a
// directive, has a URL, or is preformatted, as diagrams and tables are.
func mayBeWide(said string) bool {
	text := strings.TrimPrefix(said, "//")
	return directive.MatchString(said) || strings.Contains(said, "://") ||
		strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "  ")
}

// reword returns what to write instead of a word of the line, or "". The line
// above counts where an expression began there.
func reword(above, said string) string {
	for _, word := range gives.FindAllString(said, -1) {
		if strings.EqualFold(word, "gives") {
			return `"gives": write "returns"`
		}
	}
	joined := strings.TrimSpace(above) + " " + strings.TrimSpace(strings.TrimPrefix(said, "//"))
	if tells.MatchString(said) || tells.MatchString(joined) && !tells.MatchString(above) {
		return `"tells whether": write "reports whether"`
	}
	return ""
}
