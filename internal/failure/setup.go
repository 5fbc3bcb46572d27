package failure

import "github.com/bootctl/bootctl/pkg/setup"

// Rows of bootctl setup.
var setupRows = []row{
	{reason: "SetupDiffers", exit: ExitConflict, when: is(setup.ErrDiffers),
		hint: "review the differences, then run bootctl setup again with the same flags and --force to overwrite"},
}
