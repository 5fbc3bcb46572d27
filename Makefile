# The targets need Go, git, make, and coreutils. Everything else is built from modules.
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
INTERNAL  := github.com/bootctl/bootctl/internal/version
STAMP     := -X $(INTERNAL).stamp=$(VERSION) -X $(INTERNAL).commit=$(shell git rev-parse HEAD 2>/dev/null) \
	-X $(INTERNAL).date=$(shell TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
GOTESTSUM := go run gotest.tools/gotestsum@v1.13.0 --format pkgname-and-test-fails --format-hide-empty-pkg --hide-summary output
GOLANGCI  := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
RACE      := $(shell command -v cc >/dev/null && echo -race)
GORELEASER := go run github.com/goreleaser/goreleaser/v2@v2.15.1
BIN       := $(CURDIR)/bin

export CGO_ENABLED := 0
export PATH        := $(BIN):$(PATH)

.PHONY: help build lab tools kubelet demo test unit e2e test-busy test-kubelet soak bench mutants lint docs pictures release test-release clean

help: ## list the targets
	@echo 'make build         build bin/bootctl'
	@echo 'make lab           build bin/bootctl-lab, a real control plane (the first build takes minutes)'
	@echo 'make demo          start a control plane, join a node to it, and show each command'
	@echo 'make test          run all tests'
	@echo 'make test-busy     run all tests next to two busy processes'
	@echo 'make test-kubelet  start a real kubelet from the files that join wrote (needs root)'
	@echo 'make soak          run the load tests at full size, and fuzz each parser (FUZZTIME=10m)'
	@echo 'make bench         compare with kubectl, kubeadm, and the kubelet in one run'
	@echo 'make mutants       remove each security guard and check that a test fails'
	@echo 'make lint          check format, code, modules, and generated files'
	@echo 'make docs          generate docs/cli, docs/man, docs/schemas, docs/exit-codes.md, parts of docs/reference, and the drawing in docs/architecture.md'
	@echo 'make pictures      generate docs/img, the pictures of a terminal, from commands on real control planes'
	@echo 'make release       build and upload the release of the checked-out tag'
	@echo 'make test-release  build the release twice, compare, unpack, run, and install the deb next to systemd (needs root)'
	@echo 'make clean         remove the built files'

build:
	@go build -ldflags '-s -w $(STAMP)' -o $(BIN)/bootctl ./cmd/bootctl

lab:
	@$(SHELL) lab/build.sh $(BIN)/bootctl-lab '$(STAMP)' ./cmd/bootctl-lab

tools:
	@$(SHELL) lab/build.sh $(BIN)/ '' k8s.io/kubernetes/cmd/kubeadm k8s.io/kubernetes/cmd/kubectl

kubelet:
	@$(SHELL) lab/build.sh $(BIN)/ '-X k8s.io/component-base/version.gitVersion=v1.37.2' k8s.io/kubernetes/cmd/kubelet

demo: build lab
	@$(SHELL) lab/demo.sh

test: unit e2e

unit:
	CGO_ENABLED=$(if $(RACE),1,0) $(GOTESTSUM) -- $(RACE) -timeout 30m ./...

e2e: build lab tools # two packages with two tests each: four labs of 300 MB at a time
	cd lab && BOOTCTL_LAB=$(BIN)/bootctl-lab $(GOTESTSUM) -- -p 2 -parallel 2 -timeout 60m -skip '^TestMutants$$' ./...

test-busy:
	@$(SHELL) lab/busy.sh $(MAKE) test

test-kubelet: build lab tools kubelet
	cd lab && $(GOTESTSUM) -- -count=1 -tags kubelet ./kubelet

FUZZ := internal/escape:Safe internal/certpem:Parse pkg/csr:ParseRequest lab/compat:Rules lab/compat:NodeAddresses $(addprefix pkg/token:,Parse Upstream Secret Expiration Group) \
	$(addprefix pkg/clusterinfo:,Verify ParseDocument ParseDocumentLikeUpstream ParsePin ParseEndpoint)

FUZZTIME ?= 10m

# The load tests of lab/e2e.
SOAK := TestPublish_|TestSign_LostUpdate|TestApprove_Replaced|TestCSRList_Many|TestDoctor_Many|TestCommands_LeakNoSecret|TestPictures|TestJoin_(Killed|OneNodeConcurrently|ManyNodes|LostCreateResponse|ServerKilled)$$

soak: build lab tools
	BOOTCTL_SOAK=1 go test -count=1 -v -timeout 60m -run 'TestTrusted_WithinPins|HostileTexts' ./pkg/clusterinfo ./internal/escape ./cmd/bootctl
	cd lab && BOOTCTL_SOAK=1 go test -count=1 -v -p 1 -timeout 90m -run '$(SOAK)' ./e2e/...
	@set -e; for t in $(FUZZ); do (cd $${t%:*} && \
		go test -run '^$$' -fuzz "^Fuzz$${t#*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x .); done

bench: build lab tools kubelet
	cd lab && go test -run '^$$' -bench . -benchtime 1x ./bench

mutants:
	cd lab && $(GOTESTSUM) -- -count=1 -timeout 60m ./mutants

lint:
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GOLANGCI) run
	cd lab && $(GOLANGCI) run -c ../.golangci.yml
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.7 examples/ci-job.yaml .github/workflows/*.yaml
	go mod tidy -diff
	cd lab && go mod tidy -diff
	go test -run TestGenerated ./cmd/bootctl
	cd lab && go test -run TestGenerated ./schema
	cd lab && go test ./words

docs:
	go test -run TestGenerated ./cmd/bootctl -update
	cd lab && go test -run TestGenerated ./schema -update
	cd lab && go test -run TestJoinFaultsPage ./e2e/joinfaults -update
	cd lab && go test -run TestHouse_Drawing ./house -update

pictures: build lab tools
	cd lab && go test -count=1 -timeout 30m -run TestPictures ./e2e/pictures -update

clean:
	rm -rf $(BIN)

release:
	$(GORELEASER) release --clean

test-release:
	GORELEASER='$(GORELEASER)' $(SHELL) packaging/test.sh
