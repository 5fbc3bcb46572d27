// Package tokencmd has the commands about bootstrap tokens, one file for each verb.
package tokencmd
