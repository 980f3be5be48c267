package bench

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// write writes the page, and the plots into the folder of that name beside it.
func (r *report) write(page, kind string, busy bool, took time.Duration) error {
	folder := filepath.Join(filepath.Dir(page), "images")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, p := range r.plots {
		if err := p.draw(folder); err != nil {
			return err
		}
	}
	return os.WriteFile(page, []byte(r.page(kind, busy, took)), 0o644)
}

func (r *report) page(kind string, busy bool, took time.Duration) string {
	var b strings.Builder
	b.WriteString("# Performance\n\n<!-- Written by `make bench`; what is changed here by hand is lost. -->\n\n")
	fmt.Fprintf(&b, "The same work, done by this library and by others in one run (`make bench%s`, %s, %s, %s/%s, %d "+
		"processors, %s). ",
		map[string]string{"quick": "-quick"}[kind], took.Round(time.Second), runtime.Version(), runtime.GOOS,
		runtime.GOARCH,
		runtime.NumCPU(), time.Now().Format("January 2006"))
	b.WriteString("Contenders were measured in turn, and medians are shown: believe the ratios within a table " +
		"rather than its times. " +
		"Servers and APIs are in memory. Peers: " + strings.Join(versions(), ", ") + ".\n\n")
	if busy {
		b.WriteString("**The machine was busy with other work while this was measured" + load() + ".** " +
			"Allocations, bytes, " +
			"requests and what is " +
			"said of outages do not depend on that; times do, and the tail of latencies most.\n\n")
	}
	b.WriteString("## Goals\n\n| question | what | goal | measured | |\n|---|---|---|---|---|\n")
	for _, g := range r.goals {
		verdict := "met"
		if !g.met {
			verdict = "**missed**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", g.question, g.what, g.want, g.got, verdict)
	}
	b.WriteString("\n" + strings.TrimSpace(remarks) + "\n\n## Pictures\n\n")
	for _, p := range r.plots {
		fmt.Fprintf(&b, "![%s](images/%s)\n\n", p.alt, p.file)
	}
	b.WriteString("## Tables\n\n")
	for i, t := range r.tables {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(t.String())
	}
	return b.String()
}

// load returns how busy the machine is, where that can be seen.
func load() string {
	averages, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	one, _, _ := strings.Cut(string(averages), " ")
	return ", at a load of " + one
}

//go:embed go.mod
var module string

// versions returns the peers' modules with the versions that are required.
func versions() []string {
	var all []string
	for _, path := range []string{
		"golang.org/x/oauth2", "cloud.google.com/go/auth", "github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go",
		"github.com/Azure/azure-sdk-for-go/sdk/azcore", "github.com/databricks/databricks-sdk-go",
	} {
		for l := range strings.Lines(module) {
			if required, ok := strings.CutPrefix(strings.TrimSpace(l), path+" "); ok {
				all = append(all, path+" "+required)
			}
		}
	}
	return all
}
