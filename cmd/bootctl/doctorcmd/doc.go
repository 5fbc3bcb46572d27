// Package doctorcmd has the command that diagnoses why nodes cannot join.
package doctorcmd
