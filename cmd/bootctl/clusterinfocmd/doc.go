// Package clusterinfocmd has the commands about the ConfigMap cluster-info, one file
// for each verb.
package clusterinfocmd
