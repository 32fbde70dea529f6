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

FUZZ = 2000000

fuzz: ## FUZZ=2000000 inputs for every codec and every reader of files
	@for p in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
		for f in $$(go test ./$$p -list '^Fuzz' | grep '^Fuzz'); do \
			go test ./$$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ)x || exit 1; \
		done; \
	done

lint: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

soak: fuzz ## what takes longer than a test may: attackers, kills and full disks around containers; ten thousand nodes in the simulator, ten thousand random plans
	PEERBED_SOAK=1 PEERBED_KILLS=10 PEERBED_NODES=100 go test ./harness/docker -count=1 -timeout 60m
	PEERBED_SOAK=1 go test ./dashboards ./harness/backendtest ./harness/peerbed ./harness/record/... -count=1 -timeout 60m
	go test ./experiments -run 'TestTour$$' -v -count=1 -timeout 60m -args -nodes 10000 -backend sim
	go test ./protocols/chord -run TestRandomPlans -count=1 -timeout 60m -args -seeds 10000
	go test ./protocols/fasttrack -run TestRandomPlans -count=1 -timeout 60m -args -seeds 2000
	go test ./experiments -run TestFastTrack -v -count=1 -timeout 60m -args -paper
	go test ./protocols/napster -run TestRandomPlans -bench Search -benchtime 20000x -count=1 -timeout 60m -args -seeds 1000
	go test ./protocols/pastry -run TestRandomPlans -count=1 -timeout 60m -args -seeds 10000
	go test ./protocols/pastry -run TestLarge -v -count=1 -timeout 60m -args -large 100000
	go test ./experiments -run TestPastry -v -count=1 -timeout 180m -args -paper
	go test ./protocols/kelips -run TestRandomPlans -count=1 -timeout 60m -args -seeds 10000
	go test ./experiments -run 'TestKelipsK5Memory|TestKelips20000' -count=1 -timeout 60m -args -paper
	go test ./protocols/gnutella -run TestRandomPlans -count=1 -timeout 60m -args -seeds 1000
	go test ./protocols/bittorrent -run TestRandomPlans -count=1 -timeout 60m -args -seeds 2000
	go test ./experiments -run TestBitTorrent -v -count=1 -timeout 120m -args -paper
	go test ./experiments -run TestSwarmsAgree -v -count=1 -timeout 120m -args -paper

clean: ## what runs have left in out/
	rm -rf out
