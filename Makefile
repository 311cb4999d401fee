# `make demo` and `make test` do all their own set-up, in .venv.

READY := .venv/.ready

.PHONY: demo test lint clean

demo: $(READY)
	.venv/bin/python scripts/demo.py

# Two at a time: each takes one thread.
test: $(READY)
	.venv/bin/python -m pytest -n 2 --dist worksteal

lint: $(READY)
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache
	find vln envs agents scripts tests -name __pycache__ -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt scripts/set_up.py
	@for python in python3 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec $$python scripts/set_up.py $@; \
		fi; \
	done; \
	echo "vln needs Python 3.11 or newer; python3 here is: $$(python3 --version 2>&1)" >&2; exit 1
