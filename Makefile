# Thin names for the commands of the README.

.PHONY: help test tour demo race fuzz lint soak clean

help: ## list these
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

test: ## all tests, containers too if a daemon answers
	go test ./...

tour: ## the main job: start 24 containers of each protocol, disturb them, print what happened
	go test ./experiments -run 'TestTour$$' -v -count=1 -args -nodes 24

demo: ## half a minute of Chord, in the simulator and in containers
	go run ./harness/peerbed demo

race: ## the packages with goroutines under the race detector
	go test -race ./node/... ./harness/proc ./harness

fuzz: ## a minute of fuzzing for each codec
	go test ./protocols/chord -run '^$$' -fuzz Fuzz -fuzztime 2000000x
	go test ./protocols/gnutella -run '^$$' -fuzz Fuzz -fuzztime 2000000x

lint: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

soak: ## what takes longer than a test may: attackers, kills and full disks around containers; ten thousand nodes in the simulator, ten thousand random plans
	PEERBED_SOAK=1 PEERBED_KILLS=10 PEERBED_NODES=100 go test ./harness/docker -count=1 -timeout 60m
	PEERBED_SOAK=1 go test ./harness/backendtest ./harness/peerbed -count=1 -timeout 60m
	go test ./experiments -run 'TestTour$$' -v -count=1 -timeout 60m -args -nodes 10000 -backend sim
	go test ./protocols/chord -run TestRandomPlans -count=1 -timeout 60m -args -seeds 10000

clean: ## what runs have left in out/
	rm -rf out
