/* SPDX-License-Identifier: Apache-2.0 */
/* geo.h - distances on the earth. */
#ifndef BASE_GEO_H
#define BASE_GEO_H

/* Metres between two places in degrees of WGS-84, along the great circle of a sphere of 6,371,008.8 m (IUGG mean radius); within
 * 0.6 % of the ellipsoid. */
double geo_distance_m(double lat, double lon, double to_lat, double to_lon);

#endif
