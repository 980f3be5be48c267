package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestTroubleshooting holds docs/troubleshooting.md to its promise: every error
// text in the source of the library stands there. A verb of fmt in the source
// is an ellipsis in the page.
func TestTroubleshooting(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	words := plain(string(page))
	for _, folder := range []string{
		"oauth2grant", "oauth2grant/internal/engine", "oauth2grant/internal/wire",
		"oauth2grant/filestore", "oauth2grant/leasestore", "oauth2grant/seal", "oauth2grant/identity",
		"oauth2grant/clientassertion", "oauth2grant/dpop", "callbackserver",
	} {
		t.Run(folder, func(t *testing.T) {
			texts := errorTexts(t, filepath.Join("../..", folder))
			if len(texts) == 0 {
				t.Fatal("no error texts were found")
			}
			for text, where := range texts {
				if !strings.Contains(words, plain(text)) {
					t.Errorf("%s: docs/troubleshooting.md lacks: %s", where, text)
				}
			}
		})
	}
}

// errorTexts returns the error texts in the Go files of a folder, with where
// they are: the literals that errors.New, fmt.Errorf, refuse and add are called
// with.
func errorTexts(t *testing.T, folder string) map[string]token.Position {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	texts, set := map[string]token.Position{}, token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if text := textOf(call); text != "" {
					texts[text] = set.Position(call.Pos())
				}
			}
			return true
		})
	}
	return texts
}

// textOf returns the text of the error that a call makes, empty if it makes
// none, or one that consists of other errors only.
func textOf(call *ast.CallExpr) string {
	position := map[string]int{"New": 0, "Errorf": 0, "add": 0, "refuse": 1}
	at, ok := position[nameOf(call.Fun)]
	if !ok || at >= len(call.Args) {
		return ""
	}
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok && nameOf(sel.X) != "errors" && nameOf(sel.X) != "fmt" {
		return ""
	}
	if at == 1 && len(call.Args) == 1 { // a refuse of one's own, without an Op
		at = 0
	}
	text := literal(call.Args[at])
	if !letters.MatchString(verb.ReplaceAllString(text, "")) {
		return ""
	}
	return text
}

// literal returns the string that an expression of literals stands for; what
// else is in it becomes a verb.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		left, right := literal(e.X), literal(e.Y)
		if left == "" && right == "" {
			return ""
		}
		if left == "" {
			left = "%s"
		}
		if right == "" {
			right = "%s"
		}
		return left + right
	}
	return ""
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

var (
	verb    = regexp.MustCompile(`%[0-9]*[a-zA-Z]`)
	letters = regexp.MustCompile(`[a-z]{3}`)
	prefix  = regexp.MustCompile(
		`^(oauth2grant|callbackserver|filestore|leasestore|seal|identity|clientassertion|dpop): `)
	space = regexp.MustCompile(`\s+`)
)

// plain returns a text as the page has it: without the package's name and the
// errors wrapped at either end, on one line, with an ellipsis for what is put
// in.
func plain(text string) string {
	text = prefix.ReplaceAllString(text, "")
	text = strings.TrimPrefix(strings.TrimPrefix(text, "%w: "), "%w; ")
	text = strings.TrimSuffix(strings.TrimSuffix(text, " %w"), ":")
	text = verb.ReplaceAllString(text, "…")
	text = strings.ReplaceAll(text, "`", "")
	return strings.ToLower(strings.TrimSpace(space.ReplaceAllString(text, " ")))
}
