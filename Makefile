# make demo   the whole way once: sample data, dbt build, publish        make test    every test
# make check  lint, types, import rules, then nothing is left to say     make lock    the locks anew
PYTHON ?= python3
ROWS ?= 2000000
TARGET ?= local
# One more than CI has cores: a third of what the tests take is waiting.
JOBS ?= 3
# An environment of the caller's must not leak into ours; PYTHONPATH above all.
unexport PYTHONPATH PYTHONHOME
# Containers often set this, and then each of the hundreds of processes that a test run starts compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
ENV := .venv/.made-from-lock
CHECKOV := .venv-checkov/.made-from-lock
TEMPLATE := deploy/cloudformation/matched-ids.yaml

.DEFAULT_GOAL := help
.PHONY: help env demo cluster-demo demo-clean bench glue-package test test-comet test-stores check deploy-check check-schedulers cluster-check try-wheel format docs lock clean

help:
	@echo "make demo [ROWS=2000000]  sample data -> dbt build on Spark -> publish -> .demo/latest.txt.gz; again: the next day"
	@echo "make demo TARGET=duckdb   the same on DuckDB, without Java"
	@echo "make cluster-demo         the same on a Spark cluster of separate processes: master, two workers, Thrift server"
	@echo "make demo-clean           remove what the demo made"
	@echo "make bench [DAY_ROWS=300000000] [ROWS=30000000]  measure it beside what one would use instead -> docs/benchmarks.json, .svg"
	@echo "make glue-package         what an AWS Glue job is given -> dist/glue/5.1, dist/glue/5.0"
	@echo "make test                 every test, dbt's and Python's"
	@echo "make test-comet           the tests of Spark once more, with the native engine Comet below it"
	@echo "make test-stores          MinIO, Versity S3 Gateway and others, as far as they can be built here -> a matrix"
	@echo "make cluster-check        more of what may go wrong on a Spark cluster: a full disk, a machine that hangs, skew"
	@echo "make check                lint, format, types, import rules, workflows, the CloudFormation template"
	@echo "make deploy-check         the template once more, by checkov and by the tests of a deployment"
	@echo "make try-wheel            build the wheel, install it into an empty environment, and try it there"
	@echo "make check-schedulers     let a real Airflow run the DAG, in an environment of its own"
	@echo "make format               mend what the linters can mend"
	@echo "make docs                 write docs/commands.md, the deployment's template, and dbt's documentation as one page"
	@echo "make lock                 resolve requirements/*.txt anew from pyproject.toml"
	@echo "make clean                remove the environment, build results and caches"

env: $(ENV)

# The lock is complete, so nothing is resolved (--no-deps); uv itself comes by pip, from a hash. What has no wheel is built
# by what build.txt has hashes of, and not in an isolated environment, into which setuptools would come without one. With
# the system's certificates, as pip: many a company's registry has one of its own.
$(ENV): requirements/uv.txt requirements/build.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=python3.12")'
	@rm -rf .venv
	@echo "making .venv (a minute on the first run)" >&2
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "python3 -m venv failed; on Debian: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/uv.txt
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes --no-deps --only-binary :all: \
		-r requirements/build.txt
	@$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --require-hashes --no-deps --no-build-isolation \
		-r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(ENV)

demo: $(ENV)
	@$(BIN)/python -m demo --rows $(ROWS) --target $(TARGET)

cluster-demo: $(ENV)
	@$(BIN)/python -m demo --rows $(ROWS) --target spark

# ROWS has a default for the demo; only one that was given counts here.
bench: $(ENV)
	@$(BIN)/python -m benchmarks $(if $(DAY_ROWS),--day-rows $(DAY_ROWS)) $(if $(filter file,$(origin ROWS)),,--rows $(ROWS))

glue-package: $(ENV)
	@$(BIN)/python -m deploy.glue.package

demo-clean:
	@rm -rf .demo

test: $(ENV)
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadscope --no-loadscope-reorder

# All that runs on the Spark of a test process. Not a part of test: that runs it on Spark alone, and what is Comet's own.
test-comet: $(ENV)
	@MATCHED_IDS_TEST_ACCELERATOR=comet $(BIN)/python -m pytest $(addprefix tests/e2e/test_,\
		raw_data.py build_and_publish.py bad_builds.py documents.py latest_partition.py errors_of_spark.py \
		many_partitions.py package.py plan.py local_iceberg.py comet.py)

# STORES="minio versity" tries those alone. Not a part of test: the stores are built, which takes minutes.
test-stores: $(ENV)
	@$(BIN)/python -m tests.stores $(STORES)

check: $(ENV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint --processes 2 models analyses tests/dbt
	@$(BIN)/zizmor --offline --quiet --persona auditor .github
	@$(BIN)/cfn-lint $(TEMPLATE)
	@$(BIN)/shellcheck deploy/cron/*.sh docs/consumers/*.sh
	@if ! command -v go > /dev/null; then \
		echo "actionlint: skipped, because there is no Go to build it with (https://go.dev)" >&2; \
	elif ! go build -C .github/actionlint -o "$(CURDIR)/$(BIN)/actionlint" github.com/rhysd/actionlint/cmd/actionlint; then \
		echo "actionlint: skipped, because it could not be built: is there a way to Go's modules?" >&2; \
	else $(BIN)/actionlint -shellcheck $(BIN)/shellcheck; fi

deploy-check: $(ENV) $(CHECKOV)
	@$(BIN)/cfn-lint $(TEMPLATE)
	@.venv-checkov/bin/checkov --skip-download --quiet --compact --framework cloudformation --file $(TEMPLATE)
	@$(BIN)/python -m pytest -q tests/deploy

# In an environment of its own, because checkov pins an older boto3 than ours.
$(CHECKOV): $(ENV) requirements/checkov.txt
	@rm -rf .venv-checkov
	@echo "making .venv-checkov" >&2
	@$(BIN)/uv venv --quiet --python $(BIN)/python .venv-checkov
	@$(BIN)/uv pip install --quiet --system-certs --python .venv-checkov/bin/python --require-hashes --no-deps \
		--only-binary :all: -r requirements/checkov.txt
	@touch $(CHECKOV)

# As a consumer installs it: nothing but the wheel and what it requires, and not from this folder.
try-wheel: $(ENV)
	@rm -rf .wheel
	@$(BIN)/python -m hatchling build --target wheel --directory .wheel
	@$(BIN)/python -m venv .wheel/env
	@.wheel/env/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--only-binary :all: -r requirements/consumer.txt
	@.wheel/env/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: .wheel/*.whl
	@.wheel/env/bin/python -m pip check --disable-pip-version-check
	@cd .wheel && env/bin/publisher --help > /dev/null && test -f "$$(env/bin/publisher project-dir)/dbt_project.yml"

# What takes too long, or too much memory, for `make test`.
cluster-check: $(ENV)
	@$(BIN)/python -m pytest tests/cluster/check_faults.py

# Airflow in an environment of its own, beside whose packages ours could not be.
check-schedulers: $(ENV)
	@rm -rf .airflow
	@$(BIN)/python -m venv .airflow
	@$(BIN)/uv pip install --quiet --system-certs --python .airflow/bin/python --require-hashes --no-deps \
		--only-binary :all: -r requirements/airflow.txt
	@AIRFLOW_PYTHON="$(CURDIR)/.airflow/bin/python" $(BIN)/python -m pytest tests/deploy/test_schedulers.py

format: $(ENV)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix models analyses tests/dbt

docs: $(ENV)
	@$(BIN)/python -m docs.write_commands
	@$(BIN)/python -m deploy.write_template
	@$(BIN)/python -m docs.write_dbt_docs

lock: $(ENV)
	@$(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.10 --generate-hashes --no-annotate --no-header \
		--all-extras --group dev pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.10 --generate-hashes --no-annotate --no-header \
		--extra glue pyproject.toml -o requirements/glue.txt
	@$(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.10 --generate-hashes --no-annotate --no-header \
		--extra local --extra spark pyproject.toml -o requirements/spark.txt
	@$(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.10 --generate-hashes --no-annotate --no-header \
		--extra duckdb --extra iceberg pyproject.toml -o requirements/duckdb.txt
	@$(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.10 --generate-hashes --no-annotate --no-header \
		--constraint requirements/dev.txt --extra report pyproject.toml -o requirements/report.txt
	@$(BIN)/uv pip compile --quiet --system-certs --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
		--generate-hashes --no-annotate --no-header --only-binary :all: --constraint deploy/glue/glue-5.1.txt \
		--extra glue-job pyproject.toml -o requirements/glue-job.txt
	@$(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.10 --generate-hashes --no-annotate --no-header \
		--constraint requirements/dev.txt --group build -o requirements/build.txt
	@$(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.10 --generate-hashes --no-annotate --no-header \
		--group checkov -o requirements/checkov.txt
	@$(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.10 --generate-hashes --no-annotate --no-header \
		--constraint requirements/dev.txt pyproject.toml -o requirements/consumer.txt
	@echo apache-airflow==3.3.2 | $(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.10 \
		--generate-hashes --no-annotate --no-header - -o requirements/airflow.txt
	@grep -E '^uv==' -A 100 requirements/dev.txt | awk 'NR > 1 && !/^ /{exit} {print}' > requirements/uv.txt

clean: demo-clean
	@rm -rf .venv .venv-checkov dist .bench .docs .stores .wheel .airflow .matched-ids target logs .mypy_cache .ruff_cache .pytest_cache .hypothesis
