// Package failure maps an error to what bootctl reports in addition to its text: a reason
// code and an exit code, which scripts rely on, whether a retry can help, and a hint for
// people.
//
// The table is the only place where errors are mapped: every command, doctor and
// docs/exit-codes.md read it. (Findings of doctor that are not errors have their reason
// codes in package doctor.) To add a reason code, add a row to table.go, next to those for
// the same subject. The order of rows does not matter: if an error wraps others, the
// outermost error with a row counts, and no error has two rows.
package failure
