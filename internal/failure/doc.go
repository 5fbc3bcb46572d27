// Package failure says what bootctl reports of an error besides its text: a reason
// code and an exit code, which scripts rely on, and a hint for people.
//
// The table is the only place where errors get them: every command, doctor and
// docs/exit-codes.md read it. (What doctor finds without an error has its reason codes in
// package doctor.) To add a reason code, add a row to table.go, beside those of its
// domain. The order of rows does not matter: where an error wraps
// others, the outermost one with a row counts, and no two rows are for the same error.
package failure
