package token

// Redact hides the secret half of whatever looks like a token in a text, such as
// an error about a command line with a token in the wrong place.
func Redact(text string) string {
	out := []byte(text)
	const hidden = '*'
	for dot := idLength; dot+secretLength < len(text); dot++ {
		begin, end := dot-idLength, dot+1+secretLength
		secret := text[dot+1 : end]
		if text[dot] != '.' || firstBad(text[begin:dot]) >= 0 || firstBad(secret) >= 0 {
			continue
		}
		if begin > 0 && firstBad(text[begin-1:begin]) < 0 || end < len(text) && firstBad(text[end:end+1]) < 0 {
			continue // part of a longer word
		}
		for i := range secret {
			out[dot+1+i] = hidden
		}
	}
	return string(out)
}
