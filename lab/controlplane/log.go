package controlplane

import (
	"flag"

	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// setLog makes the components log to stderr, only errors unless verbose. The
// components must not configure logging themselves: the second one to do so
// would refuse to start.
func setLog(verbose bool) error {
	fs := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(fs)
	threshold := "ERROR"
	if verbose {
		threshold = "INFO"
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := fs.Set("legacy_stderr_threshold_behavior", "false"); err != nil {
		return err
	}
	return fs.Set("stderrthreshold", threshold)
}
