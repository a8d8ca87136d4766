@node "%~dp0tools\elw.mjs" %*
