# The twin of ./test for Windows. Written after it, not tested by us.
$ErrorActionPreference = "Stop"
& "$PSScriptRoot\run.ps1" --set-up-only test
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
Push-Location $PSScriptRoot
try { & ".venv\Scripts\python.exe" -m pytest @args } finally { Pop-Location }
exit $LASTEXITCODE
