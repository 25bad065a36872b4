# What students, graders and CI call. Each target does its own set-up.
#
#   make test      lint, generated code, unit, schema, script and fuzz-seed tests
#   make vmtest    all deliverables on all kernels; KERNELS=6.12 for one, TIER=full for everything
#   make selftest  the harness itself: snapshots, exec, faults, on real VMs
#   make report-check  the report's pages in headless Chromium; screenshots in out/report-check
#   make test-arm64  connsnoop's scenarios on an emulated arm64 machine
#   make merge     one report of many: REPORTS='parts/*/report.json'
#   make bench-vmtest  what vmtest costs, against its targets; BENCH_FLAGS='-n 3 --kernels 6.12'
#   make bench-mini-container  mini-container beside crun, runc and bubblewrap, here and in a guest; KERNEL=6.12
#   make build     bin/: the commands and their VM tests
#   make generate  BPF objects and recipe pages

DELIVERABLES := mini-container multi-tenant-cgroups bpf-tour connsnoop
COMMANDS     := bin/schemas bin/vmtest bin/vmtest-init bin/namespaces-cgroups-ebpf $(DELIVERABLES:%=bin/%)
TESTS        := $(DELIVERABLES:%=bin/%.test) bin/vmtest.test

KERNELS ?=
TIER    ?= default
OUT     ?= out/vmtest
VMTEST_FLAGS ?=

export CGO_ENABLED := 0
# A Go that is older than go.mod asks for fetches the right one by itself.
export GOTOOLCHAIN ?= auto

GO_SOURCES := $(shell find . -name '*.go' -not -path './out/*' 2>/dev/null) go.mod go.sum
EMBEDDED   := $(wildcard mini-container/docs/matrix.md mini-container/internal/seccomp/*.tsv mini-container/internal/seccomp/*.filter schemas/*.json bpf-tour/recipes/* connsnoop/*.o vmtest/*.json)

.PHONY: all build test vmtest test-arm64 merge selftest bench-vmtest bench-mini-container report-check manifests lint generate generate-check deps-test deps-vmtest clean

all: build

build: $(COMMANDS) $(TESTS)

# Two huge pages hold nothing but the few hundred KiB of a heap that lives for
# milliseconds, and the kernel has to clear them: a third of a container's start
# in an emulated guest, and 2 to 4 MB of its supervisor.
LDFLAGS_mini-container := -ldflags '-X=runtime.godebugDefault=disablethp=1'

$(DELIVERABLES:%=bin/%): bin/%: $(GO_SOURCES) $(EMBEDDED)
	go build -trimpath $(LDFLAGS_$*) -o $@ ./$*/cmd/$*

bin/schemas: $(GO_SOURCES) $(EMBEDDED)
	go build -trimpath -o $@ ./schemas/cmd/schemas

bin/vmtest: $(GO_SOURCES) $(EMBEDDED)
	go build -trimpath -o $@ ./vmtest/cmd/vmtest

bin/vmtest-init: $(GO_SOURCES)
	go build -trimpath -ldflags '-s -w' -o $@ ./vmtest/cmd/vmtest-init # every guest loads and unpacks it

bin/namespaces-cgroups-ebpf: $(GO_SOURCES) $(EMBEDDED)
	go build -trimpath -o $@ ./namespaces-cgroups-ebpf
	ln -sf namespaces-cgroups-ebpf bin/capstone

$(TESTS): bin/%.test: $(GO_SOURCES) $(EMBEDDED)
	go test -c -trimpath -tags vmtest -o $@ ./$*

test: deps-test lint generate-check
	go test ./...
	$(MAKE) manifests

# The Kubernetes manifests against the types of Kubernetes itself, in a module
# of their own: the core stays light.
manifests:
	go -C ci/manifests test ./...

lint:
	ci/lint.sh

generate:
	go generate ./...

generate-check:
	ci/generate-check.sh

vmtest: deps-vmtest
	$(MAKE) build
	bin/vmtest run --kernels '$(KERNELS)' --tier '$(TIER)' --out '$(OUT)' $(if $(filter full,$(TIER)),--resume) $(VMTEST_FLAGS)

# connsnoop's scenarios on Debian's arm64 kernel, under QEMU: some minutes.
test-arm64:
	ci/arm64.sh

# Joins the reports of many machines.
merge:
	ci/install-deps.sh go
	go build -trimpath -o bin/vmtest ./vmtest/cmd/vmtest
	bin/vmtest merge $(REPORTS) --out out/merged

selftest: deps-vmtest
	$(MAKE) build
	go test -tags selftest -count=1 -timeout 30m $(SELFTEST_FLAGS) ./vmtest/selftest

report-check:
	ci/install-deps.sh report
	ci/report-check.sh

bench-vmtest: deps-vmtest
	$(MAKE) build
	@mkdir -p out/bench
	go run ./vmtest/cmd/bench --json out/bench/vmtest.json $(BENCH_FLAGS)

bin/bench-mini-container: $(GO_SOURCES) $(EMBEDDED)
	go build -trimpath -o $@ ./mini-container/cmd/bench

bench-mini-container: deps-vmtest
	ci/install-deps.sh bench
	$(MAKE) build bin/bench-mini-container
	KERNEL='$(or $(KERNEL),6.12)' ci/bench-mini-container.sh $(BENCH_FLAGS)

deps-test:
	ci/install-deps.sh test

deps-vmtest:
	ci/install-deps.sh vmtest

clean:
	rm -rf bin out
