// Package bench has the same work done by this library and by the others that
// keep a token fresh, in one run on one machine, and writes docs/performance.md
// from what it has measured.
//
// Every library is a [peer]: one small file that opens its cache over the same
// in-memory server. What is compared within a table was measured by turns, and
// the median is shown, so that the ratios hold on a busy machine, too.
package bench
