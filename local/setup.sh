#!/bin/sh
# Everything the project needs beside git, make and a Python 3.11 or newer, into .tools/ and .venv/ of this folder.
# Run by make; safe to run again, and quick when there is nothing to do.
set -eu
cd "$(dirname "$0")/.."
uv_version=0.13.8

say() { printf '%s\n' "$*" >&2; }

python_311=
for candidate in python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python_311=$candidate
        break
    fi
done
[ -n "$python_311" ] || { say "Python 3.11 or newer is needed and none was found on PATH."; exit 1; }

# uv: the one on PATH if there is one, else one of our own.
if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    uv=.tools/uv/bin/uv
    if ! "$uv" --version >/dev/null 2>&1; then
        say "installing uv $uv_version into .tools/uv"
        "$python_311" -m venv .tools/uv || { say "python3 -m venv failed: on Debian, apt-get install python3-venv"; exit 1; }
        .tools/uv/bin/pip install --quiet --disable-pip-version-check "uv==$uv_version"
    fi
fi

# Python 3.13: on PATH, or under pyenv (whose shim fails where no version is chosen), else uv installs one.
python_313=
pyenv_versions=${PYENV_ROOT:-$HOME/.pyenv}/versions
for candidate in python3.13 "$pyenv_versions"/3.13*/bin/python3.13 .tools/python/*/bin/python3.13; do
    if python_313=$("$candidate" -c 'import sys; print(sys.executable)' 2>/dev/null); then
        break
    fi
    python_313=
done
if [ -z "$python_313" ]; then
    say "installing Python 3.13 into .tools/python"
    "$uv" python install --quiet --install-dir .tools/python 3.13
    python_313=$(UV_PYTHON_INSTALL_DIR=.tools/python "$uv" python find 3.13)
fi

"$uv" sync --quiet --frozen --python "$python_313"

# MiniStack runs the functions in its own interpreter: nothing else may be importable there, or a package that is
# missing from the layer would go unnoticed. So it has an environment of its own.
[ -x .tools/ministack/bin/python ] || "$uv" venv --quiet --python "$python_313" .tools/ministack
"$uv" pip sync --quiet --python .tools/ministack/bin/python local/ministack.txt
