package lab_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/bootctl/bootctl/internal/lab"
)

func TestNewConfig_Dashes(t *testing.T) {
	c := lab.NewConfig(lab.Controllers(), []string{"--anonymous-auth=false", "v=--1"}, nil)
	if want := []string{"anonymous-auth=false", "v=--1"}; !slices.Equal(c.APIServerArgs, want) || c.ControllerManagerArgs != nil {
		t.Errorf("got %+v, want %q", c, want)
	}
}

func TestConfig_Flags(t *testing.T) {
	few, err := lab.Except([]string{"csrapproving", "csrcleaner"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		config lab.Config
		want   []string
	}{
		{"all controllers", lab.NewConfig(lab.Controllers(), nil, nil), nil},
		{"each flag", lab.NewConfig(few, []string{"--anonymous-auth=false", "v=1"}, []string{"v=2"}), []string{
			"--without=csrapproving", "--without=csrcleaner", "--kube-apiserver-arg=anonymous-auth=false", "--kube-apiserver-arg=v=1", "--kube-controller-manager-arg=v=2",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.config.Flags(); !slices.Equal(got, test.want) {
				t.Errorf("flags %q, want %q", got, test.want)
			}
		})
	}
}

func TestConfig_Check_EachPart(t *testing.T) {
	running := lab.NewConfig([]string{"csrsigning"}, nil, []string{"v=1"})
	tests := []struct {
		name   string
		wanted lab.Config
		want   string
	}{
		{"controllers", lab.NewConfig(nil, nil, []string{"v=1"}), "the lab is already running, with the controllers csrsigning instead of (none)"},
		{"flags", lab.NewConfig([]string{"csrsigning"}, []string{"a=1", "b=2"}, nil),
			"the lab is already running, with the kube-apiserver flags (none) instead of a=1,b=2 and with the kube-controller-manager flags v=1 instead of (none)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := running.Check(test.wanted)
			if !errors.Is(err, lab.ErrDiffers) || err.Error() != test.want {
				t.Errorf("got %q, want %q", err, test.want)
			}
		})
	}
}
