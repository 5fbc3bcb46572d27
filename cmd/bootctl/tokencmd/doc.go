// Package tokencmd contains the commands for bootstrap tokens, one file for each verb.
package tokencmd
