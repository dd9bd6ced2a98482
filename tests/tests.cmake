# What ctest runs. Every tests/KIND/test_NAME.c is a program of its own and the test KIND/NAME;
# a new file is found by itself.
find_library(cmocka_file NAMES cmocka)
if(NOT cmocka_file)
    message(STATUS "cmocka is missing, so there are no tests (deps/setup test installs it)")
    return()
endif()

# c_tests(unit LINKS room_base): files of the folder without test_ are shared by its tests.
function(c_tests kind)
    cmake_parse_arguments(PARSE_ARGV 1 this "" "" "FILES;LINKS")
    file(GLOB tests CONFIGURE_DEPENDS tests/${kind}/test_*.c)
    file(GLOB shared CONFIGURE_DEPENDS tests/${kind}/*.c ${this_FILES})
    list(FILTER shared EXCLUDE REGEX "/test_[^/]*$")
    foreach(test IN LISTS tests)
        string(REGEX REPLACE ".*/test_(.*)\\.c" "\\1" name ${test})
        add_executable(${kind}_${name} ${test} ${shared})
        target_include_directories(${kind}_${name} PRIVATE tests)
        target_compile_definitions(${kind}_${name} PRIVATE
            TESTS_DIR="${CMAKE_SOURCE_DIR}/tests" GOLDEN_DIR="${CMAKE_SOURCE_DIR}/tests/golden")
        target_link_libraries(${kind}_${name} PRIVATE ${this_LINKS} ${cmocka_file} ${plain_link})
        set_target_properties(${kind}_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY tests)
        add_test(NAME ${kind}/${name} COMMAND ${kind}_${name})
        set_tests_properties(${kind}/${name} PROPERTIES LABELS ${kind} TIMEOUT 120)
    endforeach()
endfunction()

c_tests(unit LINKS ${house} lib_uv lib_llhttp lib_curl lib_mbedtls)
c_tests(golden LINKS ${house})
c_tests(flow FILES tests/fake/*.c LINKS ${house_without_net})

# ---- fuzz: libFuzzer programs in the fuzz preset; elsewhere each reads its corpus once -------

add_custom_target(fuzz)
file(GLOB fuzzers CONFIGURE_DEPENDS tests/fuzz/fuzz_*.c)
foreach(source IN LISTS fuzzers)
    string(REGEX REPLACE ".*/fuzz_(.*)\\.c" "\\1" name ${source})
    add_executable(fuzz_${name} ${source})
    target_link_libraries(fuzz_${name} PRIVATE ${house} lib_uv lib_llhttp ${plain_link})
    set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY tests)
    add_dependencies(fuzz fuzz_${name})
    if(SANITIZE MATCHES fuzzer)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        continue()
    endif()
    target_sources(fuzz_${name} PRIVATE tests/fuzz/replay.c)
    add_test(NAME fuzz/${name}
        COMMAND fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endforeach()

# ---- lint ----------------------------------------------------------------------------------

function(lint name)
    add_test(NAME lint/${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(lint/${name} PROPERTIES LABELS lint TIMEOUT 600)
endfunction()

# One build is enough to judge the sources; under sanitizers and clang it would be the same again.
if(CMAKE_BUILD_TYPE STREQUAL Release)
    lint(layers python3 tests/layers.py)
    lint(layers-finds python3 tests/lint/test_layers.py)
    lint(banned python3 tests/lint/banned.py)
    lint(banned-finds python3 tests/lint/test_banned.py)
    lint(headers tests/lint/headers ${CMAKE_C_COMPILER} -isystem ${UNPACKED}/include)
    lint(clang tests/lint/clang ${CMAKE_BINARY_DIR}/clang)
    find_program(clang_format clang-format-14)
    if(clang_format)
        lint(format tests/lint/format)
    else()
        message(STATUS "clang-format 14 is missing, so formatting is not checked")
    endif()
    if(TARGET sluice)
        lint(reference tests/lint/reference $<TARGET_FILE:sluice>)
        lint(samples tests/lint/samples $<TARGET_FILE:sluice>)
    endif()
endif()

# ---- end to end ----------------------------------------------------------------------------

# pytest in .venv; no test at all is a failure (pytest's exit code 5). Alone on the machine,
# because these judge times.
function(python_tests kind)
    if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/${kind})
        add_test(NAME ${kind} COMMAND .venv/bin/python -m pytest -q tests/${kind}
            WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(${kind} PROPERTIES LABELS ${kind} TIMEOUT 1200 RUN_SERIAL ON
            ENVIRONMENT "BUILD_DIR=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")
    endif()
endfunction()

python_tests(e2e)
python_tests(faults)
