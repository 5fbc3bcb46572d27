// Package doctorcmd contains the command that diagnoses why nodes cannot join.
package doctorcmd
