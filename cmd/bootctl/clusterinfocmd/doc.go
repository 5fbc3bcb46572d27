// Package clusterinfocmd contains the commands for the ConfigMap cluster-info, one file
// for each verb.
package clusterinfocmd
