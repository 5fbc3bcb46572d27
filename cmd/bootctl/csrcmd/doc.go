// Package csrcmd has the commands about certificate signing requests (CSRs), one file
// for each verb.
package csrcmd
