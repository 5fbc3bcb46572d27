package failure

import "github.com/bootctl/bootctl/pkg/join"

// Rows of the identity on disk, and of the files that a node joins with.
var joinRows = []row{
	{reason: "NotJoined", exit: ExitNotVerified, when: is(join.ErrNotJoined), yields: true, // what is missing to join may have a row
		hint: "join the node with an endpoint, a token and a pin: bootctl join --help"},
	{reason: "IdentityExpired", exit: ExitNotVerified, when: is(join.ErrExpired),
		hint: "join with a token: the node requests another certificate under the same name"},
	{reason: "DifferentIdentity", exit: ExitConflict, when: is(join.ErrForeign),
		hint: "give the node name, pins and CA of the identity on disk, or replace it with --force"},
	{reason: "IdentityInvalid", exit: ExitNotVerified, when: is(join.ErrInvalid),
		hint: "replace the identity on disk with bootctl join --force"},
	{reason: "IdentityRejected", exit: ExitNotVerified, when: is(join.ErrRejected),
		hint: "replace the identity on disk with bootctl join --force if the cluster was created again"},
	{reason: "DiscoveryFileInvalid", exit: ExitNotVerified, when: is(join.ErrDiscoveryFile),
		hint: "put a kubeconfig with one https server and its CA at the URL"},
	{reason: "InvalidDiscoveryFile", exit: ExitUsage, when: is(join.ErrFile),
		hint: "give a kubeconfig with one https server, its CA, and at most a token or a client certificate, as bootctl token create -o bootstrap-kubeconfig prints it"},
}
