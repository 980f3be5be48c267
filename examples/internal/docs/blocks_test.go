package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the folder of the repository, seen from here.
const root = "../../.."

// preamble is what every block may use beside what it declares: things that
// its reader has, as the prose around it says.
const preamble = `
var (
	ctx    context.Context
	grant  *oauth2grant.Grant
	client *oauth2grant.Client
	store  oauth2grant.Store
	secret string
	user   string
	w      http.ResponseWriter
	r      *http.Request
	req    *http.Request
	logger *slog.Logger

	sessionID func(r *http.Request) string
)
`

// imports are the packages that a block without imports of its own may name.
var imports = []string{
	"bytes", "context", "crypto/tls", "encoding/json", "errors", "expvar", "fmt", "io", "log/slog", "net", "net/http",
	"net/url", "os", "os/signal", "strings", "sync", "syscall", "testing", "testing/synctest", "time",
	"github.com/coreos/go-oidc/v3/oidc",
	"github.com/jackc/pgx/v5/pgxpool",
	"github.com/oauth2grant/go-oauth2grant/callbackserver",
	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth",
	"github.com/oauth2grant/go-oauth2grant/contrib/grpccreds",
	"github.com/oauth2grant/go-oauth2grant/contrib/oauth2source",
	"github.com/oauth2grant/go-oauth2grant/contrib/oidcverify",
	"github.com/oauth2grant/go-oauth2grant/contrib/otelgrant",
	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore",
	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore",
	"github.com/oauth2grant/go-oauth2grant/contrib/terminalprompt",
	"github.com/oauth2grant/go-oauth2grant/oauth2grant",
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion",
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop",
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore",
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest",
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity",
	"github.com/redis/go-redis/v9",
	"golang.org/x/oauth2",
	"golang.org/x/oauth2/clientcredentials",
	"google.golang.org/grpc",
	"google.golang.org/grpc/credentials",
}

// block is one Go block of a page.
type block struct {
	page, text string
	line       int // of its first line
}

// String returns where the block is.
func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// prints reports whether the block says what it prints.
func (b block) prints() bool { return strings.Contains(b.text, "// Output:") }

// tests reports whether the block is a test.
func (b block) tests() bool {
	return strings.Contains(b.text, "\nfunc Test") || strings.HasPrefix(b.text, "func Test")
}

// parse returns the block as a file of a package, whatever it is: a whole file,
// declarations, or statements. Positions are those in the page.
func (b block) parse(set *token.FileSet) (*ast.File, error) {
	const mode = parser.ParseComments | parser.SkipObjectResolution
	at := fmt.Sprintf("//line %s:%d\n", b.page, b.line)
	if strings.HasPrefix(b.text, "package ") {
		return parser.ParseFile(set, "", at+b.text, mode)
	}
	head := "package main\n\nimport (\n"
	for _, path := range imports {
		head += fmt.Sprintf("\t%q\n", path)
	}
	head += ")\n"
	if file, err := parser.ParseFile(set, "", head+preamble+at+b.text, mode); err == nil {
		return file, nil
	}
	return parser.ParseFile(set, "", head+preamble+"func run() error {\n"+at+b.text+"\nreturn nil\n}\n", mode)
}

// blocks returns the Go blocks of every page.
func blocks(t *testing.T) []block {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, blocksOf(name, string(text))...)
	}
	if len(all) == 0 {
		t.Fatal("no page has a Go block")
	}
	return all
}

func blocksOf(page, text string) []block {
	var all []block
	var current *block
	for i, line := range strings.SplitAfter(text, "\n") {
		fence := strings.TrimSpace(line)
		switch {
		case current == nil && fence == "```go":
			current = &block{page: page, line: i + 2}
		case current != nil && fence == "```":
			all = append(all, *current)
			current = nil
		case current != nil:
			current.text += line
		}
	}
	return all
}
