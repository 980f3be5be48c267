package bench

import _ "embed"

// remarks say of the goals that are missed by how much and why.
//
//go:embed remarks.md
var remarks string
