# What `cmake --install` gives away: libwal, shared and static, its headers, its descriptions for
# pkg-config and find_package, walctl, and the manual pages.
#
# Both libraries are made of the objects of the rooms wal and walhost, and show the names listed in
# libwal.symbols, nothing else. Whoever adds a public function adds it there.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

file(STRINGS wal/version.h version_line REGEX "define WAL_LIBRARY_VERSION")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" wal_version "${version_line}")
string(REGEX MATCH "^[0-9]+" wal_soversion "${wal_version}")

set(symbols ${PROJECT_SOURCE_DIR}/wal/libwal.symbols)
set(package ${PROJECT_BINARY_DIR}/package)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${symbols} wal/version.h)
file(STRINGS ${symbols} names)
list(JOIN names ";\n        " names)
file(CONFIGURE OUTPUT ${package}/libwal.map CONTENT
    "WAL_${wal_soversion} {\n    global:\n        ${names};\n    local: *;\n};\n")

# ---- The libraries ----

add_library(wal_shared SHARED $<TARGET_OBJECTS:wal> $<TARGET_OBJECTS:walhost>)
set_target_properties(wal_shared PROPERTIES OUTPUT_NAME wal EXPORT_NAME wal LINKER_LANGUAGE C
    VERSION ${wal_version} SOVERSION ${wal_soversion} LIBRARY_OUTPUT_DIRECTORY ${package}
    LINK_DEPENDS ${package}/libwal.map)
target_link_options(wal_shared PRIVATE
    LINKER:--version-script=${package}/libwal.map LINKER:--no-undefined)
target_link_libraries(wal_shared PRIVATE $<BUILD_INTERFACE:${ISAL_LIBRARY}>
    $<BUILD_INTERFACE:Threads::Threads>)

# One object, so that a program may have a log_create of its own.
add_custom_command(OUTPUT ${package}/libwal.o
    COMMAND ${CMAKE_LINKER} -r -o ${package}/libwal.o $<TARGET_OBJECTS:wal>
        $<TARGET_OBJECTS:walhost>
    COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=${symbols} ${package}/libwal.o
    DEPENDS $<TARGET_OBJECTS:wal> $<TARGET_OBJECTS:walhost> ${symbols}
    COMMAND_EXPAND_LISTS VERBATIM)
set_source_files_properties(${package}/libwal.o PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
add_library(wal_static STATIC ${package}/libwal.o)
set_target_properties(wal_static PROPERTIES OUTPUT_NAME wal EXPORT_NAME wal_static
    LINKER_LANGUAGE C ARCHIVE_OUTPUT_DIRECTORY ${package})
target_link_libraries(wal_static PRIVATE $<INSTALL_INTERFACE:isal>
    $<INSTALL_INTERFACE:Threads::Threads>)

foreach(library wal_shared wal_static)
    target_include_directories(${library} INTERFACE
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()

# ---- The headers: those that log.h, repair.h, row.h and host.h need, and no others ----

foreach(header err.h io.h version.h log/format.h log/log.h log/repair.h log/row.h host/host.h)
    get_filename_component(folder wal/${header} DIRECTORY)
    install(FILES wal/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder})
endforeach()

# ---- How others find it ----

set(from_pkgconfig ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH to_prefix /${from_pkgconfig} /)
configure_file(wal/libwal.pc.in ${package}/libwal.pc @ONLY)
install(FILES ${package}/libwal.pc DESTINATION ${from_pkgconfig})

set(from_cmake ${CMAKE_INSTALL_LIBDIR}/cmake/wal)
file(CONFIGURE OUTPUT ${package}/walConfig.cmake CONTENT [[
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/walTargets.cmake)
]] @ONLY)
write_basic_package_version_file(${package}/walConfigVersion.cmake VERSION ${wal_version}
    COMPATIBILITY SameMajorVersion)
install(FILES ${package}/walConfig.cmake ${package}/walConfigVersion.cmake
    DESTINATION ${from_cmake})
install(TARGETS wal_shared wal_static EXPORT walTargets)
install(EXPORT walTargets NAMESPACE wal:: DESTINATION ${from_cmake})

# ---- For people ----

install(TARGETS walctl)
install(FILES docs/man/walctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES docs/man/libwal.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
