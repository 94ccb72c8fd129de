"""The licences and exceptions that a dataset's SPDX expression may name."""

from typing import Final

# spdx.org/licenses: those in use for data, models and code; any other is named by a LicenseRef

LICENCES: Final = frozenset(
    """
    0BSD AFL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 Artistic-2.0
    BSD-1-Clause BSD-2-Clause BSD-2-Clause-Patent BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause
    BSL-1.0 C-UDA-1.0 CC-BY-1.0 CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-3.0-IGO CC-BY-4.0
    CC-BY-NC-1.0 CC-BY-NC-2.0 CC-BY-NC-2.5 CC-BY-NC-3.0 CC-BY-NC-4.0
    CC-BY-NC-ND-2.0 CC-BY-NC-ND-2.5 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0
    CC-BY-NC-SA-2.0 CC-BY-NC-SA-2.5 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0
    CC-BY-ND-2.0 CC-BY-ND-2.5 CC-BY-ND-3.0 CC-BY-ND-4.0
    CC-BY-SA-1.0 CC-BY-SA-2.0 CC-BY-SA-2.5 CC-BY-SA-3.0 CC-BY-SA-4.0
    CC-PDDC CC0-1.0 CDDL-1.0 CDDL-1.1 CDLA-Permissive-1.0 CDLA-Permissive-2.0 CDLA-Sharing-1.0
    CECILL-2.1 CECILL-B CECILL-C DL-DE-BY-2.0 DL-DE-ZERO-2.0 ECL-2.0 EPL-1.0 EPL-2.0 etalab-2.0
    EUPL-1.1 EUPL-1.2 FSFAP GFDL-1.2-only GFDL-1.2-or-later GFDL-1.3-only GFDL-1.3-or-later
    GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later HPND IODL-1.0 IODL-2.0 ISC
    LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only
    LGPL-3.0-or-later LPPL-1.3c MIT MIT-0 MPL-1.1 MPL-2.0 MPL-2.0-no-copyleft-exception MS-PL
    MS-RL MulanPSL-2.0 NCGL-UK-2.0 NCSA NLOD-1.0 NLOD-2.0 O-UDA-1.0 ODbL-1.0 ODC-By-1.0
    OFL-1.1 OGC-1.0 OGDL-Taiwan-1.0 OGL-Canada-2.0 OGL-UK-1.0 OGL-UK-2.0 OGL-UK-3.0 OSL-3.0
    PDDL-1.0 PostgreSQL PSF-2.0 Python-2.0 TU-Berlin-2.0 UCAR Unicode-3.0 Unicode-DFS-2016
    Unlicense UPL-1.0 W3C WTFPL X11 Zlib ZPL-2.1
    """.split()  # noqa: SIM905
)
EXCEPTIONS: Final = frozenset(
    """
    Autoconf-exception-3.0 Bison-exception-2.2 Classpath-exception-2.0 Font-exception-2.0
    GCC-exception-3.1 LGPL-3.0-linking-exception LLVM-exception
    Linux-syscall-note
    """.split()  # noqa: SIM905
)
