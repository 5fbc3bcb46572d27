// A module that uses the library as other modules do; see pkg/library_test.go.
module example.com/consumer

go 1.26

require github.com/bootctl/bootctl v0.0.0

replace github.com/bootctl/bootctl => ../../..
