# Makes one page of page.html, style.css and the scripts, and a C array of it:
#     cmake -D FOLDER=src/ops/dashboard -D OUT=dashboard_page.c -P embed.cmake
file(READ ${FOLDER}/page.html page)
file(READ ${FOLDER}/style.css style)
set(script "")
foreach(part parts model page)
    file(READ ${FOLDER}/${part}.js text)
    string(APPEND script "${text}")
endforeach()
string(REPLACE "/*STYLE*/\n" "${style}" page "${page}")
string(REPLACE "/*SCRIPT*/\n" "${script}" page "${page}")
file(WRITE ${OUT}.html "${page}")
file(READ ${OUT}.html hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${OUT} "#include \"ops/dashboard.h\"\n\nconst unsigned char dashboard_page[] = {${hex}};\n"
    "const size_t dashboard_page_bytes = sizeof(dashboard_page);\n")
