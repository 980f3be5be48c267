// Package wire sends one request to an authorization server and reads what
// comes back. It is strict in time, in size and in what it trusts, lenient in
// what it reads, and never sends twice what must be sent once. It knows nothing
// of grants, of tokens that are kept, or of when to try again.
//
// [Post] sends a form, [Do] any other request. [ReadToken], [ReadObject] and
// [ReadMembers] read the answer, and [Failure] says what went wrong.
package wire
