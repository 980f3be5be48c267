package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// outside is where somebody else works: with the released modules, as the tree
// would make them, and without the tree.
type outside struct{ env []string }

func goOutside(t *testing.T) (*repository, outside) {
	t.Helper()
	repo, err := open("../..")
	if err != nil {
		t.Fatal(err)
	}
	proxy, modules := t.TempDir(), t.TempDir()
	if err := repo.proxy(t.Context(), proxy); err != nil {
		t.Fatal(err)
	}
	everything := outside{os.Environ()}
	known := strings.Fields(everything.run(t, ".", "env", "GOMODCACHE", "GOPROXY"))
	return repo, outside{append(os.Environ(),
		"GOPROXY=file://"+filepath.ToSlash(proxy)+",file://"+filepath.ToSlash(known[0])+"/cache/download,"+known[1],
		"GOMODCACHE="+modules, "GOFLAGS=-mod=mod -modcacherw -trimpath", "GOSUMDB=off", "GOWORK=off")}
}

// run runs go in dir and returns what it prints.
func (o outside) run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", args...)
	var trouble bytes.Buffer
	c.Dir, c.Env, c.Stderr = dir, o.env, &trouble
	out, err := c.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, out, trouble.Bytes())
	}
	return string(out)
}

// module makes a module that requires a version of another.
func (o outside) module(t *testing.T, path, version string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	o.run(t, dir, "mod", "init", "example.com/outside")
	o.run(t, dir, "get", path+"@"+version)
	return dir
}

func write(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestProxy_EveryModuleBuildsOutside(t *testing.T) {
	repo, o := goOutside(t)
	version, err := repo.version()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range repo.modules {
		if !m.public() {
			continue
		}
		t.Run(m.dir, func(t *testing.T) {
			dir := o.module(t, m.path, version)
			var program strings.Builder
			program.WriteString("package main\n\n")
			packages := 0
			for p := range strings.FieldsSeq(o.run(t, dir, "list", "-f",
				"{{if ne .Name \"main\"}}{{.ImportPath}}{{end}}", m.path+"/...")) {
				if strings.Contains(p, "/internal/") {
					continue
				}
				program.WriteString("import _ \"" + p + "\"\n")
				packages++
			}
			if packages == 0 {
				t.Fatal("the module has no package")
			}
			program.WriteString("\nfunc main() {}\n")
			write(t, dir, program.String())
			o.run(t, dir, "build", "-o", os.DevNull, ".")
			text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err != nil || strings.Contains(string(text), "replace") {
				t.Errorf("the build needed a replacement: %v\n%s", err, text)
			}
			t.Logf("%d packages build", packages)
		})
	}
}

// The core imports the library that opens a browser, so go list names it, and
// its variables are initialised; the linker leaves its functions out of a
// program that never signs a person in.
func TestProxy_AServiceLinksNoBrowser(t *testing.T) {
	repo, o := goOutside(t)
	version, err := repo.version()
	if err != nil {
		t.Fatal(err)
	}
	root := repo.modules[0].path
	for _, test := range []struct {
		flow  string
		links bool
	}{
		{"ClientCredentials{}", false},
		{"AuthCode{}", true},
	} {
		dir := o.module(t, root, version)
		write(t, dir, `package main

import (
	"context"
	"net/http"
	"os"

	"`+root+`/oauth2grant"
)

func main() {
	grant, err := oauth2grant.New(context.Background(), oauth2grant.`+test.flow+`, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: os.Args[1]},
		Auth:   oauth2grant.SecretBasic("service", os.Getenv("SECRET")),
	})
	if err != nil {
		panic(err)
	}
	defer grant.Close()
	res, err := (&http.Client{Transport: grant.Transport(nil)}).Get(os.Args[2])
	if err != nil {
		panic(err)
	}
	res.Body.Close()
}
`)
		binary := filepath.Join(t.TempDir(), "program")
		o.run(t, dir, "build", "-o", binary, ".")
		symbols := o.run(t, dir, "tool", "nm", binary)
		if !strings.Contains(symbols, "oauth2grant.New") {
			t.Fatal("the program has no symbols")
		}
		for _, p := range []string{"github.com/cli/browser.", root + "/callbackserver."} {
			if got := functions(symbols, p); (len(got) > 0) != test.links {
				t.Errorf("with %s the program links of %s %v, want any: %v", test.flow, p, got, test.links)
			}
		}
	}
}

// functions returns those that a list of symbols has of a package, but for what
// initialises its variables.
func functions(symbols, of string) (names []string) {
	for line := range strings.Lines(symbols) {
		fields := strings.Fields(line)
		if len(fields) != 3 || !strings.EqualFold(fields[1], "T") {
			continue
		}
		if name, is := strings.CutPrefix(fields[2], of); is && name != "init" && !strings.HasPrefix(name, "init.") {
			names = append(names, name)
		}
	}
	return names
}
