package failure

import (
	"errors"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Rows of the connection to an API server and of its answers.
var serverRows = []row{
	{reason: "Unreachable", exit: ExitUnreachable, yields: true, // what went wrong may have a row
		when: func(err error) bool { return errors.Is(err, kubeclient.ErrNoAnswer) || kubeclient.IsUnreachable(err) },
		hint: "check the address in the kubeconfig, that the API server runs, and any proxy in between",
		node: "check the address, that the API server runs, and any proxy in between"},
	{reason: "ProxyRefused", exit: ExitUnreachable, when: as[*kubeclient.ProxyError],
		hint: "add the API server's host to NO_PROXY",
		node: "add the API server's host to NO_PROXY, or connect directly with bootctl join --no-proxy"},
	{reason: "CertificateUntrusted", exit: ExitNotVerified, when: kubeclient.IsUntrusted,
		hint: "compare the address and the CA in the kubeconfig with those of the cluster, and check this machine's clock",
		node: "compare the address and the CA with those that the administrator gave you; no secret was sent"},
	{reason: "NotAnAPIServer", exit: ExitNotVerified,
		when: is(kubeclient.ErrNotAPIServer, kubeclient.ErrRedirect, kubeclient.ErrTooLarge),
		hint: "check the address: a proxy or a login page may answer in place of the API server"},
	{reason: "ServerUnavailable", exit: ExitTimeout, when: status(unavailable),
		hint: "retry later, and check the log of the API server and whether it reaches etcd",
		node: "retry later: the API server is starting, overloaded or without its storage"},
	{reason: "CredentialPlugin", exit: ExitForbidden, when: kubeclient.IsCredentialPlugin,
		hint: "run the kubeconfig's exec command by hand to see why it fails"},
	{reason: "Unauthorized", exit: ExitForbidden, when: status(unauthorized),
		hint: "select valid credentials with --kubeconfig or --context"},
	{reason: "Forbidden", exit: ExitForbidden, when: anyOf(as[*kubeclient.MissingPermissionError], status(forbidden)),
		hint: "run it as a cluster administrator, or grant the permission that the error names",
		node: "ask an administrator to run: bootctl setup"},
	{reason: "RefusedByServer", exit: ExitRefused, when: status(refused)},
	{reason: "Conflict", exit: ExitConflict, when: status(conflict),
		hint: "retry: the object was changed at the same time"},
	{reason: "DiscoveryFileNotFound", exit: ExitNotFound, when: is(kubeclient.ErrDownload),
		hint: "compare the URL with the one that the administrator gave you"},
}
