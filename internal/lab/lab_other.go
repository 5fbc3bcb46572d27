//go:build !unix

package lab

import (
	"context"
	"io"
)

// Acquire returns ErrUnsupported.
func Acquire(string) (io.Closer, error) { return nil, ErrUnsupported }

// Down returns ErrUnsupported.
func (l Lab) Down(context.Context) (bool, error) { return false, ErrUnsupported }

func (l Lab) holder() (pid int, held bool, err error) { return 0, false, ErrUnsupported }

func (l Lab) startServer(context.Context, UpOptions) (*Ready, error) { return nil, ErrUnsupported }
