// Join joins a node: join ENDPOINT TOKEN PIN DIRECTORY.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/token"
)

func main() {
	endpoint, badEndpoint := clusterinfo.ParseEndpoint(os.Args[1])
	tok, badToken := token.Parse(os.Args[2])
	pin, badPin := clusterinfo.ParsePin(os.Args[3])
	result, err := join.Run(context.Background(), join.Options{
		NodeName: "library-1", Layout: join.OutDir(os.Args[4]),
		Discovery: discovery.Options{
			Endpoints: []clusterinfo.Endpoint{endpoint}, Token: tok, Trust: discovery.Trust{Pins: []clusterinfo.Pin{pin}},
		},
	})
	if err := errors.Join(badEndpoint, badToken, badPin, err); err != nil {
		log.Fatal(err)
	}
	log.Print(result.Username)
}
