// Package csrcmd contains the commands for certificate signing requests (CSRs), one file
// for each verb.
package csrcmd
