package failure

import "github.com/bootctl/bootctl/pkg/token"

// Rows of bootstrap tokens.
var tokenRows = []row{
	{reason: "TokenNotFound", exit: ExitNotFound, when: is(token.ErrNotFound),
		hint: "list the tokens: bootctl token list"},
	{reason: "TokenUnusable", exit: ExitNotVerified, when: is(token.ErrUnusable),
		hint: "create another token: bootctl token create; or extend one that has only expired: bootctl token extend ID --ttl 24h"},
	{reason: "TokenExists", exit: ExitConflict, when: is(token.ErrExists),
		hint: "omit TOKEN to generate one, or delete it first: bootctl token delete ID"},
	{reason: "TokenSecretMismatch", exit: ExitConflict, when: is(token.ErrOtherSecret),
		hint: "name the cluster's token by its ID alone: bootctl token check ID"},
	{reason: "NotAToken", exit: ExitConflict, when: is(token.ErrNotToken),
		hint: "look at the Secret: kubectl -n kube-system get secret bootstrap-token-ID -o yaml"},
	{reason: "TokenChanged", exit: ExitConflict, when: is(token.ErrChanged),
		hint: "see what the token is now, and retry: bootctl token list"},
	{reason: "InvalidToken", exit: ExitUsage, when: is(token.ErrInvalid),
		hint: "give an ID of 6 characters, a dot and a secret of 16, all of a-z and 0-9"},
	{reason: "WeakToken", exit: ExitUsage, when: is(token.ErrWeak),
		hint: "omit TOKEN to generate one, or use --allow-weak to accept it anyway"},
	{reason: "InvalidTokenSpec", exit: ExitUsage, when: is(token.ErrInvalidSpec)},
}
