# Makes a C array of a file:
#     cmake -D FILE=conf/prices.yaml -D OUT=prices_text.c -D HEADER=config/prices.h -D NAME=prices_text -P embed.cmake
file(READ ${FILE} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
file(WRITE ${OUT} "#include \"${HEADER}\"\n\nconst unsigned char ${NAME}[] = {${hex}};\n"
    "const size_t ${NAME}_bytes = sizeof(${NAME});\n")
