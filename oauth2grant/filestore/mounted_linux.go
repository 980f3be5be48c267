package filestore

import (
	"bufio"
	"io"
	"os"
	"strings"
)

// mounted reports whether something is mounted at path.
func mounted(path string) bool {
	if _, err := os.Lstat(path); err != nil {
		return false
	}
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return false // Save finds it out
	}
	defer func() { _ = table.Close() }()
	return isMountPoint(table, path)
}

// octal undoes the escapes of /proc/self/mountinfo.
var octal = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// isMountPoint looks for path in a table of mounts, as proc_pid_mountinfo(5)
// describes it.
func isMountPoint(table io.Reader, path string) bool {
	for lines := bufio.NewScanner(table); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 && octal.Replace(fields[4]) == path {
			return true
		}
	}
	return false
}
