package cli

import (
	"strings"
)

// JoinNonEmpty joins the parts that are not empty.
func JoinNonEmpty(separator string, parts ...string) string {
	var found []string
	for _, part := range parts {
		if part != "" {
			found = append(found, part)
		}
	}
	return strings.Join(found, separator)
}

// OrEmpty makes a list of the contract print as [] rather than null.
func OrEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
