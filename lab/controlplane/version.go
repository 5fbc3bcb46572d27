package controlplane

import (
	"runtime/debug"

	apimachineryversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	basecompatibility "k8s.io/component-base/compatibility"
	baseversion "k8s.io/component-base/version"
)

// KubernetesVersion returns the version of the Kubernetes compiled into this
// program, such as v1.37.2.
func KubernetesVersion() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, dep := range info.Deps {
			if dep.Path == "k8s.io/kubernetes" {
				return dep.Version
			}
		}
	}
	return "v" + baseversion.DefaultKubeBinaryVersion + ".0"
}

// effectiveVersion reports the real version. Kubernetes itself knows it only
// when the linker was told, and says v0.0.0-master otherwise.
type effectiveVersion struct {
	basecompatibility.MutableEffectiveVersion
}

// Info returns what the API server serves at /version.
func (v effectiveVersion) Info() *apimachineryversion.Info {
	info := v.MutableEffectiveVersion.Info()
	info.GitVersion = KubernetesVersion()
	info.GitCommit = "" // a placeholder when built from a module
	return info
}

// newRegistry returns what the API server takes its version and its feature
// gates from.
func newRegistry() (basecompatibility.ComponentGlobalsRegistry, error) {
	registry := basecompatibility.NewComponentGlobalsRegistry()
	version := effectiveVersion{compatibility.DefaultBuildEffectiveVersion()}
	gate := utilfeature.DefaultMutableFeatureGate
	return registry, registry.Register(basecompatibility.DefaultKubeComponent, version, gate)
}
