// Package wire sends one form to an authorization server and reads the answer: strict in time, size and what it trusts, lenient in what it reads, and never
// twice what must be sent once. It knows nothing of grants, tokens kept, or when to try again later.
package wire
