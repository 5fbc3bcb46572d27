package scripts

import (
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

// TestBinary_StaticAndSmall checks that bootctl is a single static, stripped file of at
// most 45 MB.
func TestBinary_StaticAndSmall(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs ELF")
	}
	bin, err := labtest.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(bin, "bootctl")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 45_000_000 {
		t.Errorf("the binary has %d bytes", info.Size())
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP || program.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is dynamically linked: %s", program.Type)
		}
	}
	if file.Section(".symtab") != nil || file.Section(".debug_info") != nil {
		t.Error("the binary is not stripped")
	}
}
