package token_test

import (
	"io"
	"testing"

	"github.com/bootctl/bootctl/pkg/token"
)

const (
	alphabet  = "abcdefghijklmnopqrstuvwxyz0123456789"
	positions = 22 // characters of a token, without the dot

	// The chi-square distribution with 35 degrees of freedom: one value in a thousand
	// is below the first, and one in a thousand is above the second.
	chiSquareLow  = 14.6878
	chiSquareHigh = 66.6188

	// Each token has 22 characters: 3.6 million in total.
	evenTokens = 163_640
)

// symbols counts the characters at each position of evenTokens tokens.
type symbols [positions][256]int

func (s *symbols) add(text string) {
	for i := range positions {
		s[i][text[i]]++
	}
}

// chiSquare returns how far the counts at a position are from a uniform distribution of
// the characters.
func (s *symbols) chiSquare(position int) float64 {
	want := float64(evenTokens) / float64(len(alphabet))
	sum := 0.0
	for i := range alphabet {
		d := float64(s[position][alphabet[i]]) - want
		sum += d * d / want
	}
	return sum
}

// uneven returns how many positions are so far from uniform, or so close to it, that
// chance explains only one in 500.
func (s *symbols) uneven(t *testing.T) int {
	t.Helper()
	count := 0
	for position := range positions {
		if x := s.chiSquare(position); x < chiSquareLow || x > chiSquareHigh {
			t.Logf("character %d: chi-square %.1f", position+1, x)
			count++
		}
	}
	return count
}

func TestGenerate_Even(t *testing.T) {
	var counts symbols
	random := fixedRandom(2)
	for range evenTokens {
		tok, err := token.Generate(random)
		if err != nil {
			t.Fatal(err)
		}
		counts.add(tok.ID() + tok.Secret())
	}
	if uneven := counts.uneven(t); uneven != 0 {
		t.Errorf("%d of %d positions are not uniform", uneven, positions)
	}
}

// The statistic detects the bias of a generator that takes the remainder of each byte:
// of 256 bytes, 8 yield each of a to d and 7 yield each other character.
func TestEvenness_FindsBias(t *testing.T) {
	var counts symbols
	random := fixedRandom(2)
	var buf, text [positions]byte
	for range evenTokens {
		if _, err := io.ReadFull(random, buf[:]); err != nil {
			t.Fatal(err)
		}
		for i, b := range buf {
			text[i] = alphabet[int(b)%len(alphabet)]
		}
		counts.add(string(text[:]))
	}
	if uneven := counts.uneven(t); uneven <= positions/2 {
		t.Errorf("the bias is detected at %d of %d positions, want most", uneven, positions)
	}
}
