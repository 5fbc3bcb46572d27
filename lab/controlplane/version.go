package controlplane

import (
	"runtime/debug"

	apimachineryversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	basecompatibility "k8s.io/component-base/compatibility"
	baseversion "k8s.io/component-base/version"
)

// KubernetesVersion returns the version of Kubernetes in this program, such as
// v1.37.2.
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

// effectiveVersion reports the real version. Kubernetes itself knows it only from a
// linker flag, and reports v0.0.0-master otherwise.
type effectiveVersion struct {
	basecompatibility.MutableEffectiveVersion
}

// Info returns the version that the API server serves at /version.
func (v effectiveVersion) Info() *apimachineryversion.Info {
	info := v.MutableEffectiveVersion.Info()
	info.GitVersion = KubernetesVersion()
	info.GitCommit = "" // a placeholder when built from a module
	return info
}

// newRegistry returns the source of the API server's version and feature
// gates.
func newRegistry() (basecompatibility.ComponentGlobalsRegistry, error) {
	registry := basecompatibility.NewComponentGlobalsRegistry()
	version := effectiveVersion{compatibility.DefaultBuildEffectiveVersion()}
	gate := utilfeature.DefaultMutableFeatureGate
	return registry, registry.Register(basecompatibility.DefaultKubeComponent, version, gate)
}
