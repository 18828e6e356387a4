# The twin of ./run for Windows. Written after it, not tested by us: reports and corrections are welcome.
#
#   .\run.ps1                           the studio
#   .\run.ps1 compose --out song.mid    any sub-command of tunesmith
#   .\run.ps1 --set-up-only test        only install
#
# FluidSynth is no Python package: without its DLL on the PATH the studio opens and stays silent.
# README.md says where it comes from.
$ErrorActionPreference = "Stop"
$here = $PSScriptRoot
$only = ($args.Count -gt 0) -and ($args[0] -eq "--set-up-only")
$setUp = if ($only -and $args.Count -gt 1) { $args[1] } else { "run" }

$sums = Get-FileHash "$here\pyproject.toml", "$here\core\bootstrap.py" | ForEach-Object { $_.Hash }
$stamp = "$here $($sums -join ' ')"
$stampFile = "$here\.venv\.set-up-$setUp"
$remembered = if (Test-Path $stampFile) { (Get-Content $stampFile -TotalCount 1) } else { "" }

if ($remembered -ne $stamp) {
    $python = @("py -3", "python", "python3") | Where-Object {
        $words = $_ -split " "
        (Get-Command $words[0] -ErrorAction SilentlyContinue) -and
        $(& $words[0] @($words | Select-Object -Skip 1) -c "import sys; sys.exit(sys.version_info < (3, 11))"; $LASTEXITCODE -eq 0)
    } | Select-Object -First 1
    if (-not $python) {
        [Console]::Error.WriteLine("tunesmith set-up: Python 3.11 or newer is missing; install it and start again.")
        exit 2
    }
    $words = $python -split " "
    Push-Location $here
    try { & $words[0] @($words | Select-Object -Skip 1) -m core.bootstrap $setUp --stamp $stamp } finally { Pop-Location }
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}
if ($only) { exit 0 }
$arguments = if ($args.Count -eq 0) { @("studio") } else { $args }
& "$here\.venv\Scripts\tunesmith.exe" @arguments
exit $LASTEXITCODE
